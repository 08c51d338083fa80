#!/bin/sh
# cross.sh - run the conformance suite with the reader built for other processors, under qemu-user.
#
#     sh cross.sh FOLDER_OF_BUILDS [PROCESSOR...]
#
# The builds are FOLDER/pemn-check, for this machine, and FOLDER/PROCESSOR/pemn-check. What they say
# of every file has to be the same, byte for byte where the file is accepted; where it is refused,
# the verdict.
set -eu
builds=$1
shift
suite=$(dirname "$0")/../conformance

say() { # PROGRAM... FOLDER: a line for each file, without the words of a refusal
    folder=$1
    shift
    "$@" "$suite/$folder"/*.pemn | sed 's/"ok":false.*/"ok":false/' || true
}

worst=0
for processor in "$@"; do
    for folder in accept reject; do
        say "$folder" "$builds/pemn-check" >"$builds/$folder.native"
        say "$folder" "qemu-$processor" "$builds/$processor/pemn-check" >"$builds/$folder.$processor"
        case $folder in accept) want=true ;; *) want=false ;; esac
        files=$(ls "$suite/$folder"/*.pemn | wc -l)
        right=$(grep -c "\"ok\":$want" "$builds/$folder.$processor" || true)
        same=same
        cmp -s "$builds/$folder.native" "$builds/$folder.$processor" || same=different
        echo "$processor: $folder: $right of $files right, output $same as native"
        [ "$right" = "$files" ] && [ "$same" = same ] || worst=1
    done
done
exit $worst
