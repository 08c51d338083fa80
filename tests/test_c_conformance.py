"""The C reader passes the whole conformance suite: same digests, same verdicts."""

import json
import subprocess

from c_tools import SPEC, STRICT

SUITE = SPEC / "conformance"


def test_it_accepts_what_it_has_to_with_the_expected_digests(check):
    expected = json.loads((SUITE / "accept" / "expect.json").read_text())
    paths = [SUITE / "accept" / name for name in expected]
    told = [json.loads(line) for line in check.run(*paths).stdout.splitlines()]
    assert len(told) == len(paths) >= 70
    for one, path in zip(told, paths, strict=True):
        assert one["ok"], (path.name, one)
        want = expected[path.name]
        assert one["restored_sha256"] == want["restored_sha256"]
        got = {t["name"]: [t["dtype"], t["shape"], t["sha256"]] for t in one["tensors"]}
        assert got == want["tensors"]


def test_it_refuses_what_it_has_to(check):
    expected = json.loads((SUITE / "reject" / "expect.json").read_text())
    paths = [SUITE / "reject" / name for name in expected]
    done = check.run(*paths)
    assert done.returncode == 1
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == len(paths) >= 250
    assert [path.name for one, path in zip(told, paths, strict=True) if one["ok"]] == []


BOTH = r"""
#include "pemn.h"
#include <stdio.h>
#include <stdlib.h>

static void tell(pemn_file *file, int status, char *error)
{
    if (status == PEMN_OK)
        status = pemn_verify(file, error);
    pemn_close(file);
    printf("%d %s\n", status, error);
}

int main(int argc, char **argv) /* each file from the disk and from memory: status and message */
{
    int i;
    for (i = 1; i < argc; i++) {
        static unsigned char bytes[1 << 22];
        char error[PEMN_ERROR_SIZE] = "";
        FILE *stream = fopen(argv[i], "rb");
        size_t size = stream == NULL ? 0 : fread(bytes, 1, sizeof bytes, stream);
        unsigned char *exact = malloc(size == 0 ? 1 : size); /* so that sanitizers see its end */
        size_t k;
        int status;
        pemn_file *file = NULL;
        if (stream == NULL || exact == NULL || fclose(stream) != 0 || size == sizeof bytes)
            return 1;
        for (k = 0; k < size; k++)
            exact[k] = bytes[k];
        status = pemn_open(argv[i], NULL, &file, error);
        tell(file, status, error);
        error[0] = '\0';
        status = pemn_open_memory(exact, size, NULL, &file, error);
        tell(file, status, error);
        free(exact);
    }
    return pemn_tensor_count(NULL) == 0 && pemn_find(NULL, "w") == PEMN_NONE ? 0 : 1;
}
"""


def test_from_memory_it_says_what_it_says_from_a_disk(compiler, single, tmp_path):
    source = tmp_path / "both.c"
    source.write_text(BOTH)
    program = compiler.build(
        *STRICT, "-O1", *compiler.sanitizers, f"-I{single}", source, single / "pemn.c", name="both"
    )
    paths = sorted(SUITE.glob("*/*.pemn"))
    data = (SPEC / "examples" / "small.pemn").read_bytes()
    for size in range(0, len(data), 7):
        paths.append(tmp_path / f"{size}.pemn")
        paths[-1].write_bytes(data[:size])
    done = subprocess.run([program, *paths], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    told = done.stdout.splitlines()
    assert len(told) == 2 * len(paths)
    assert told[::2] == told[1::2]
    assert len(set(told)) > 100
