#!/bin/sh
# single.sh - make one file of the reader's many, for embedding.
#
#     sh single.sh FOLDER        FOLDER/pemn.c and FOLDER/pemn.h
#
# Each header stands where it is first needed, and what the files share is static.
set -eu
here=$(dirname "$0")
rooms="base hash numbers prng json codecs zstd manifest kernels container prototype planes values restore"

files=src/base/posix.h
for room in $rooms; do
    for file in "$here/src/$room"/*.c; do
        files="$files src/$room/${file##*/}"
    done
done

mkdir -p "$1"
cp "$here/pemn.h" "$1/pemn.h"
# shellcheck disable=SC2086 # names without blanks
awk -v here="$here" '
# The file that a line includes, seen from the file that includes it.
function included(line, file,    name) {
    name = line
    sub(/^#include "/, "", name)
    sub(/".*$/, "", name)
    sub(/[^\/]*$/, "", file)
    name = file name
    while (name ~ /[^\/]+\/\.\.\//)
        sub(/[^\/]+\/\.\.\//, "", name)
    return name
}

# A file without its guard, and with what it includes, unless that is there already.
function emit(file,    line, path, guard, held) {
    if (file in done)
        return
    done[file] = 1
    if (file == "pemn.h") {
        print "#include \"pemn.h\""
        return
    }
    path = here "/" file
    guard = ""
    held = ""
    while ((getline line < path) > 0) {
        if (line ~ /^#include "/) {
            emit(included(line, file))
            continue
        }
        if (file ~ /\.h$/ && guard == "" && line ~ /^#ifndef PEMN_.*_H$/) {
            guard = line
            sub(/^#ifndef /, "", guard)
            continue
        }
        if (guard != "" && line == "#define " guard)
            continue
        if (line ~ /^[ \t]*$/) { # no blank lines one after the other
            held = "\n"
            continue
        }
        if (!(file in told)) {
            told[file] = 1
            printf "\n/* ---- %s */\n\n", file
            held = ""
        }
        if (last[file] != "") {
            print last[file]
            last[file] = ""
        }
        if (line == "#endif" && guard != "") {
            last[file] = held line # the last one of a header belongs to its guard
            held = ""
            continue
        }
        printf "%s%s\n", held, line
        held = ""
    }
    close(path)
}

BEGIN {
    print "/* pemn.c - a reader of .pemn archives in C99; libzstd is all it needs."
    print " *"
    print " * This file was made from the files of format_spec/c/src by single.sh: change those. */"
    print "#define PEMN_SHARED static"
    for (i = 1; i < ARGC; i++)
        emit(ARGV[i])
}' $files >"$1/pemn.c"
