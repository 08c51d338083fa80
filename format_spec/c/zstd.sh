#!/bin/sh
# zstd.sh - libzstd for a machine that has none: built from the source distribution of the Python
# package zstandard, which carries it as one file. pip is asked as the user has set it up.
#
#     PYTHON=python3 CC=cc sh zstd.sh FOLDER
#
# Leaves libzstd.a and its headers in FOLDER, unless the compiler finds a libzstd anyway. Exit
# status: 0 where there is a libzstd now, 1 with a line that says why where there is none.
set -eu
folder=$1
python=${PYTHON:-python3}
compiler=${CC:-cc}

[ -f "$folder/libzstd.a" ] && exit 0
mkdir -p "$folder"
work=$(mktemp -d "$folder/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

give_up() {
    echo "$1" >&2
    exit 1
}

echo 'int main(void) { return 0; }' >"$work/try.c"
# shellcheck disable=SC2086 # flags are words, and a compiler may come with some
$compiler ${CPPFLAGS:-} ${LDFLAGS:-} -o "$work/try" "$work/try.c" >"$work/log" 2>&1 ||
    give_up "no C compiler: '$compiler' cannot build a program"
cat >"$work/try.c" <<'PROGRAM'
#include <zstd.h>
#include <zstd_errors.h>
#if ZSTD_VERSION_NUMBER < 10400
#error "too old"
#endif
int main(void) { return ZSTD_versionNumber() == 0; }
PROGRAM
# shellcheck disable=SC2086
$compiler ${CPPFLAGS:-} ${LDFLAGS:-} -o "$work/try" "$work/try.c" -lzstd >"$work/log" 2>&1 && exit 0

wanted=$("$python" -c 'import zstandard; print("zstandard==" + zstandard.__version__)' 2>"$work/log") ||
    wanted=zstandard
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary zstandard \
    --dest "$work" "$wanted" >"$work/log" 2>&1 ||
    give_up "no libzstd, and pip cannot get the sources of $wanted: $(grep -m 1 ERROR "$work/log" || tail -n 1 "$work/log")"
"$python" - "$work" >"$work/log" 2>&1 <<'PROGRAM' ||
import pathlib
import sys
import tarfile

work = pathlib.Path(sys.argv[1])
(package,) = work.glob("zstandard-*.tar.gz")
with tarfile.open(package) as archive:
    for name in ("zstd.c", "zstd.h", "zstd_errors.h"):
        source = f"{package.name.removesuffix('.tar.gz')}/zstd/{name}"
        (work / name).write_bytes(archive.extractfile(source).read())
PROGRAM
    give_up "no libzstd, and none in the sources of $wanted: $(tail -n 1 "$work/log")"
# shellcheck disable=SC2086
{ $compiler -O2 -fPIC -w -I"$work" -c -o "$work/zstd.o" "$work/zstd.c" &&
    ar rcs "$work/libzstd.a" "$work/zstd.o"; } >"$work/log" 2>&1 ||
    give_up "no libzstd, and its sources do not compile: $(tail -n 1 "$work/log")"
mv "$work/zstd.h" "$work/zstd_errors.h" "$folder/"
mv "$work/libzstd.a" "$folder/libzstd.a" # the last one: who sees it finds the headers
