"""What real checkpoint files hold, and what is no checkpoint: read without running anything."""

import argparse
import collections
import datetime
import gzip
import io
import json
import os
import pathlib
import random
import struct
import sys
import zipfile

import numpy as np
import pytest
import torch
from original_checkpoints import Net, checkpoint, save, state_of, weights
from torch import nn

import pemn_compress
from pemn_compress.errors import ModelError, SettingError
from pemn_compress.format.archive import open_archive
from pemn_compress.importing import import_checkpoint
from pemn_compress.importing.files import load_file
from pemn_compress.importing.inert import STAND_INS, NumpyType, number
from pemn_compress.reporting import terminal

LAYOUTS = {
    "hidden-networks": {},
    "biprop": {"conv_type": "SubnetConv", "prune_rate": 0.5},
    "iterand": {},
    "pemn": {},
}


def a_state(project, prefix=""):
    scores = "weight_score" if project == "iterand" else "scores"
    return state_of(weights("signed-constant"), scores, prefix)


def imported(file, project, **options):
    density = None if project == "biprop" else 0.5
    return import_checkpoint(file, project, Net(), **({"density": density} | options))


@pytest.mark.parametrize("project", LAYOUTS)
@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("prefix", ["", "module.", "module.module.", "_orig_mod.module."])
def test_a_checkpoint_as_its_project_writes_it(tmp_path, project, zipped, prefix):
    state = a_state(project, prefix)
    more = LAYOUTS[project]
    file = checkpoint(tmp_path / "best.pth", project, state, zipped=zipped, **more)
    made = imported(file, project)
    alone = save(tmp_path / "alone.pth", a_state(project))
    budget = "per-tensor" if project == "biprop" else None
    again = import_checkpoint(alone, project, Net(), density=0.5, budget=budget)
    restored = pemn_compress.load(made.archive, model=Net()).state_dict()
    expected = pemn_compress.load(again.archive, model=Net()).state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in restored.items())
    assert made.warnings == ()


def other_numpy(content):
    """Return a file as the other of numpy 1 and 2 would have written it."""
    new, old = b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"
    changed = content.replace(new, old) if new in content else content.replace(old, new)
    assert changed != content
    return changed


@pytest.mark.parametrize("project", ["hidden-networks", "biprop", "iterand"])
def test_numbers_of_either_numpy_are_read(tmp_path, project):
    more = LAYOUTS[project]
    file = checkpoint(tmp_path / "c", project, a_state(project), zipped=False, **more)
    made = imported(file, project)
    assert tensors_of(imported(other_numpy(file.read_bytes()), project)) == tensors_of(made)


def tensors_of(made):
    """Return the digest of all tensors that an archive restores."""
    with open_archive(made.archive) as archive:
        return archive.manifest.restored_sha256


def leftovers():
    """Return what training scripts leave in checkpoints, by what it is read as."""
    lists = collections.defaultdict(list)
    lists["loss"].append(0.5)
    counts = collections.defaultdict(int, {"a": 2})
    rng = np.random.RandomState(3)
    return {
        "lr": (np.float64(0.1), 0.1),
        "half": (np.float16(1.5), 1.5),
        "big-endian": (np.array(2.5, ">f8")[()], 2.5),
        "epoch": (np.int64(7), 7),
        "small": (np.uint8(200), 200),
        "flag": (np.bool_(True), True),
        "text": (np.str_("Conv2"), "Conv2"),
        "long": (2**40, 2**40),
        "lists": (lists, {"loss": [0.5]}),
        "counts": (counts, {"a": 2}),
        "counter": (collections.Counter("aab"), {"a": 2, "b": 1}),
        "ordered": (collections.OrderedDict(a=1), {"a": 1}),
        "last": (collections.deque([1, 2], maxlen=4), [1, 2]),
        "set": ({1, 2}, {1, 2}),
        "frozen": (frozenset([3]), {3}),
        "folder": (pathlib.PurePosixPath("/runs/one"), "//runs/one"),
        "size": (torch.Size([2, 3]), (2, 3)),
        "device": (torch.device("cpu"), torch.device("cpu")),
        "dtype": (torch.float16, torch.float16),
        "version": (torch.__version__, str(torch.__version__)),
        "bytes": (b"raw", b"raw"),
        "best_acc1": (torch.tensor(88.0), torch.tensor(88.0)),
        "parameter": (nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))),
        "scheduler": (scheduler().state_dict(), None),
        "random state": (random.getstate(), None),
        "numpy's": (rng.get_state(), None),
        "array": (np.arange(6.0).reshape(2, 3), None),
        "objects": (np.array([{"a": 1}, None], dtype=object), None),
        "when": (datetime.datetime(2024, 5, 6, tzinfo=datetime.UTC), None),
        "dtype of numpy": (np.dtype("float32"), None),
    }


def scheduler():
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=np.float64(0.1))
    return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", leftovers())
def test_harmless_leftovers_are_read(tmp_path, name, zipped):
    value, expected = leftovers()[name]
    file = save(tmp_path / "c", {"x": value}, _use_new_zipfile_serialization=zipped)
    read = load_file(file, "c")["x"]
    if expected is not None:
        assert bool(torch.equal(read, expected) if torch.is_tensor(read) else read == expected)
        assert type(read).__module__ != "numpy"


def test_all_of_them_at_once_and_a_namespace_that_says_what_to_do(tmp_path):
    left = {name: value for name, (value, _) in leftovers().items() if name != "best_acc1"}
    args = argparse.Namespace(prune_rate=np.float64(0.3), conv_type="SubnetConv", left=left)
    state = {name: nn.Parameter(t, requires_grad=False) for name, t in a_state("pemn").items()}
    file = checkpoint(tmp_path / "c", "hidden-networks", state, args=args, **left)
    made = import_checkpoint(file, "hidden-networks", Net())
    assert made.density == 0.3
    assert made.unknown == ()  # its conv_type is recorded
    args.conv_type = "SampleSubnetConv"
    file = checkpoint(tmp_path / "c", "hidden-networks", state, args=args, **left)
    with pytest.raises(ModelError, match="draws another mask in every forward"):
        import_checkpoint(file, "hidden-networks", Net())


class Calls:
    """Pickles as a call: what a hostile checkpoint does."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    ("function", "arguments", "named"),
    [
        (open, ("{ran}", "w"), r"open"),
        (os.system, ("touch {ran}",), r"system"),
        (eval, ("open('{ran}', 'w')",), r"builtins\.eval"),
        (getattr, ("abc", "upper"), r"builtins\.getattr"),
        (np.fromfile, ("{ran}",), r"fromfile"),
        (nn.Linear, (2, 2), r"torch\.nn\.modules\.linear\.Linear"),
        (torch.load, ("{ran}",), r"torch\.serialization\.load"),
    ],
)
def test_a_checkpoint_that_needs_code_is_refused_and_not_run(
    tmp_path, function, arguments, named, zipped
):
    ran = tmp_path / "ran"
    evil = Calls(function, *(str(a).format(ran=ran) for a in arguments))
    file = checkpoint(tmp_path / "c", "hidden-networks", a_state("pemn"), zipped=zipped, args=evil)
    with pytest.raises(ModelError, match=rf"needs unpickling of code \(.*{named}\)") as refused:
        imported(file, "hidden-networks")
    assert "\n" not in str(refused.value)
    assert not ran.exists()


def test_stand_ins_call_nothing_of_what_a_file_names(tmp_path):
    """Whatever a file passes them, they answer with a plain value or nothing."""
    odd = [(), ("x",), (1, 2, 3), ([1], "y"), (None,), ({"a": 1},)]
    for name, stands_in in STAND_INS.items():
        for arguments in odd:
            made = stands_in(*arguments) if not isinstance(stands_in, type) else None
            assert made is None or type(made).__module__ in (
                "builtins",
                "pemn_compress.importing.inert",
            ), name


def test_a_dtype_of_a_strange_state_reads_as_nothing(tmp_path):
    for code, raw in (("O8", b"x" * 8), ("f8", b"short"), ("V4", b"abcd"), ("f99", b""), ("", b"")):
        assert number(NumpyType(code), raw) is None
    assert number(NumpyType("U1"), b"\xff\xff\xff\xff") == "\ufffd"
    assert number("f8", b"12345678") is None


def test_the_advice_of_a_refusal_keeps_what_is_needed(tmp_path):
    """biprop's conv_type and prune_rate, without which every weight comes out wrong."""
    more = {"conv_type": "GlobalSubnetConv", "prune_rate": np.float64(0.3)}
    state = a_state("biprop")
    plain = checkpoint(tmp_path / "plain", "biprop", state, **more)
    file = checkpoint(tmp_path / "c", "biprop", state, **more, scheduler=Calls(nn.Linear, 2, 2))
    with pytest.raises(ModelError) as refused:
        imported(file, "biprop")
    advice = str(refused.value).partition("what is needed of it: ")[2]
    assert advice.count("torch.save(") == 1
    exec(advice.replace("'plain.pth'", repr(str(tmp_path / "again"))), {"torch": torch})
    again, expected = (imported(file, "biprop") for file in (tmp_path / "again", plain))
    assert tensors_of(again) == tensors_of(expected)


def test_a_budget_that_nothing_records_is_asked_for(tmp_path):
    state = a_state("biprop")
    bare = save(tmp_path / "bare", state)
    with pytest.raises(SettingError, match=r"does not record its conv_type.*--budget global"):
        import_checkpoint(bare, "biprop", Net(), density=0.3)
    nets = {}
    for budget, kind in (("per-tensor", "SubnetConv"), ("global", "GlobalSubnetConv")):
        told = checkpoint(tmp_path / kind, "biprop", state, conv_type=kind, prune_rate=0.3)
        nets[budget], expected = Net(), Net()
        made = import_checkpoint(bare, "biprop", nets[budget], density=0.3, budget=budget)
        import_checkpoint(told, "biprop", expected)
        assert torch.equal(nets[budget].convs[2].weight, expected.convs[2].weight)
        assert "records neither conv_type nor prune_rate" in made.unknown[0]
    assert not torch.equal(nets["global"].convs[2].weight, nets["per-tensor"].convs[2].weight)


PAIRS = {
    ("biprop", "hidden-networks"): "refused",
    ("biprop", "pemn"): "refused",
    ("biprop", "iterand"): "refused",
    ("iterand", "hidden-networks"): "refused",
    ("iterand", "biprop"): "refused",
    ("iterand", "pemn"): "refused",
    ("hidden-networks", "iterand"): "refused",
    ("pemn", "iterand"): "refused",
    ("hidden-networks", "pemn"): "told",  # the same rule, so that nothing comes out wrong
    ("pemn", "hidden-networks"): "told",
    ("pemn", "biprop"): "refused",
    ("hidden-networks", "biprop"): "asked",  # biprop's first versions wrote no more than these
}


def of_convmixer(state):
    """Return a state whose names are PEMN's ConvMixer's."""
    return {name.replace("convs.0", "3.0.fn.0"): tensor for name, tensor in state.items()}


@pytest.mark.parametrize(("writer", "project"), PAIRS)
def test_whose_checkpoint_it_is(tmp_path, writer, project):
    state, net = a_state(writer), Net()
    if writer == "pemn":
        state = of_convmixer(state)
        net = nn.ModuleDict({"3": nn.ModuleList([nn.ModuleDict({"fn": nn.ModuleList(
            [net.convs[0]])})]), "convs": nn.ModuleDict(
            {"1": net.convs[1], "2": net.convs[2]}), "linear": net.linear})  # fmt: skip
    file = checkpoint(tmp_path / "c", writer, state, **LAYOUTS[writer])
    options = {"density": 0.5}
    if PAIRS[writer, project] == "told":
        (told,) = import_checkpoint(file, project, net, **options).warnings
        assert writer in told
        return
    if project == "biprop":
        options["budget"] = "per-tensor"
    if PAIRS[writer, project] == "asked":
        (told, _) = import_checkpoint(file, project, net, **options).unknown
        assert "hidden-networks" in told
        return
    with pytest.raises(ModelError, match=rf"--from .*got {project}") as refused:
        import_checkpoint(file, project, net, **options)
    assert writer in str(refused.value)
    assert "\n" not in str(refused.value)


def png():
    return b"\x89PNG\r\n\x1a\n" + bytes(40)


def archived(members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def a_whole_file():
    stream = io.BytesIO()
    torch.save({"state_dict": a_state("pemn")}, stream)
    return stream.getvalue()


NO_CHECKPOINTS = {
    "empty": (b"", "an empty file"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git-lfs"),
    "html": (b"<!DOCTYPE html>\n<html><body>Sign in</body></html>", "a web page"),
    "html later": (b"\n\n  <HTML lang='en'>", "a web page"),
    "png": (png(), "a picture"),
    "jpeg": (b"\xff\xd8\xff\xe0" + bytes(30), "a picture"),
    "gzip": (gzip.compress(b"x" * 100), "packed by gzip"),
    "tar": (bytes(257) + b"ustar\x0000" + bytes(300), "packed by tar"),
    "npy": (b"\x93NUMPY\x01\x00" + bytes(100), "a numpy array"),
    "npz": (archived({"a.npy": b"x"}), "arrays of numpy"),
    "zip": (archived({"readme.txt": b"x"}), "a zip file of something else"),
    "torchscript": (archived({"m/data.pkl": b"x", "m/constants.pkl": b""}), "TorchScript"),
    "text": (b"epoch,loss\n1,0.5\n", "got text"),
    "utf-8": ("Größe: 3\n".encode(), "got text"),
    "json": (b'{"state_dict": 1}', "got text"),
    "cut zip": (a_whole_file()[:700], "cut short"),
    "noise": (bytes(range(256)) * 4, "damaged|another kind of file"),
    "zeros": (bytes(1000), "damaged|another kind of file"),
    "plain pickle": (b"\x80\x02}q\x00.", "another kind of file"),
    "keras": (b"\x89HDF\r\n\x1a\n" + bytes(50), "HDF5"),
}


@pytest.mark.parametrize("kind", NO_CHECKPOINTS)
@pytest.mark.parametrize("as_bytes", [False, True])
def test_files_that_are_no_checkpoints(tmp_path, kind, as_bytes):
    content, told = NO_CHECKPOINTS[kind]
    (tmp_path / "c.pth").write_bytes(content)
    with pytest.raises(ModelError, match=told) as refused:
        imported(content if as_bytes else tmp_path / "c.pth", "pemn")
    text = str(refused.value)
    assert "\n" not in text
    assert text.startswith("standard input: " if as_bytes else str(tmp_path / "c.pth"))


def test_old_files_that_were_cut_short(tmp_path):
    whole = checkpoint(tmp_path / "c", "pemn", a_state("pemn"), zipped=False).read_bytes()
    for size in (20, 300, len(whole) // 2, len(whole) - 7):
        with pytest.raises(ModelError, match=r"cut short|damaged"):
            imported(whole[:size], "pemn")


def test_places_that_hold_no_file(tmp_path, call):
    with pytest.raises(ModelError, match="gone: no such file"):
        imported(tmp_path / "gone", "pemn")
    with pytest.raises(ModelError, match="got a folder"):
        imported(tmp_path, "pemn")
    code, _, err = call("import", "gone.pth", "--from", "pemn", "--model", "mlp")
    assert (code, err) == (2, "pemn: gone.pth: no such file\n")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_that_nobody_writes_to_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelError, match="expected a regular file, got a device or a pipe"):
        imported(tmp_path / "pipe", "biprop")


def test_an_archive_and_a_checkpoint_of_our_own(tmp_path, call):
    made = imported(checkpoint(tmp_path / "c", "pemn", a_state("pemn")), "pemn")
    with pytest.raises(ModelError, match=r"got a \.pemn archive already"):
        imported(made.archive, "pemn")
    own = {"identity": {}, "history": [], "model": {}, "optimizer": {}}
    with pytest.raises(ModelError, match="of this program's own training"):
        imported(save(tmp_path / "own", own), "pemn")


@pytest.mark.parametrize(
    ("tensor", "told"),
    [
        (lambda: torch.ones(6).to_sparse(), "sparse_coo"),
        (lambda: torch.quantize_per_tensor(torch.ones(6), 0.1, 0, torch.qint8), "quantized"),
        (lambda: torch.ones(6, device="meta"), "on meta"),
    ],
)
@pytest.mark.filterwarnings("ignore")  # torch is about to leave quantized tensors
def test_tensors_that_are_no_plain_ones(tmp_path, tensor, told):
    state = a_state("pemn") | {"convs.1.bias": tensor()}
    with pytest.raises(ModelError, match=f"'convs.1.bias': expected a plain tensor, .*{told}"):
        imported(save(tmp_path / "c", state), "pemn")


def test_a_tensor_that_only_says_that_it_is_huge_is_refused_by_its_shape(tmp_path):
    huge = torch.zeros(1).expand(10**9, 10**6)
    state = a_state("pemn") | {"linear.weight": huge, "linear.scores": huge}
    with pytest.raises(ModelError, match=r"tensor 'linear.weight': expected shape \(4, 6, 1, 1\)"):
        imported(save(tmp_path / "c", state), "pemn")


def test_a_state_dict_of_safetensors(tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    state = {n: t.clone() for n, t in a_state("biprop", "module.").items()}
    told = {"conv_type": "GlobalSubnetConv", "prune_rate": "0.3"}
    safetensors.save_file(state, tmp_path / "c.safetensors", told)
    net, expected = Net(), Net()
    import_checkpoint(tmp_path / "c.safetensors", "biprop", net)
    file = checkpoint(tmp_path / "c", "biprop", state, **told | {"prune_rate": 0.3})
    import_checkpoint(file, "biprop", expected)
    assert torch.equal(net.convs[2].weight, expected.convs[2].weight)
    whole = (tmp_path / "c.safetensors").read_bytes()
    for broken in (whole[:-5], whole[:60], struct.pack("<Q", 9) + b"{no json}"):
        with pytest.raises(ModelError, match="is no whole safetensors file"):
            imported(broken, "biprop")


def test_names_of_a_model_that_has_a_wrapper_itself(tmp_path):
    class Wrapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.module = Net()

    file = checkpoint(tmp_path / "c", "pemn", a_state("pemn", "module."))
    assert import_checkpoint(file, "pemn", Wrapped(), density=0.5).warnings == ()
    file = checkpoint(tmp_path / "c", "pemn", a_state("pemn", "module.module."))
    assert import_checkpoint(file, "pemn", Wrapped(), density=0.5).warnings == ()


def test_a_model_with_state_that_is_no_tensor(tmp_path):
    class Counting(Net):
        def get_extra_state(self):
            return {"seen": 3}

        def set_extra_state(self, state):
            pass

    file = checkpoint(tmp_path / "c", "pemn", a_state("pemn"))
    made = import_checkpoint(file, "pemn", Counting(), density=0.5)
    assert pemn_compress.verify(made.archive)


def test_a_model_that_was_changed_after_it_was_built_is_not_named(tmp_path):
    net = pemn_compress.build("conv2", width=0.1, image_size=8, bias=False)
    state = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    state |= {n.replace("weight", "scores"): torch.randn(t.shape) for n, t in state.items()}
    file = save(tmp_path / "c", state)
    kind = "registered"
    for _ in range(2):
        made = import_checkpoint(file, "pemn", net, density=0.5)
        with open_archive(made.archive) as archive:
            assert archive.manifest.architecture["kind"] == kind
        assert any("no longer the conv2" in told for told in made.warnings) == (kind == "none")
        net[1], kind = nn.GELU(), "none"


MODEL = """
from torch import nn

def build_model():
    return nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten())
"""


def test_the_command_says_what_is_known_and_what_is_not(tmp_path, call, monkeypatch):
    monkeypatch.setattr(terminal, "is_terminal", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    (tmp_path / "net.py").write_text(MODEL)
    weight = torch.full((4, 3, 3, 3), 0.2)
    state = {"conv.weight": weight, "conv.scores": torch.ones(4, 3, 3, 3).tril()}
    state["conv.scores"][0, 0, 0, 0] = 2.0
    checkpoint(tmp_path / "best.pth", "hidden-networks", state)
    arguments = ("import", "best.pth", "--from", "hidden-networks", "--model", "net.py")
    arguments += ("--density", "0.4", "--match", "order", "--force")
    code, out, err = call(*arguments)
    assert code == 0
    told = " ".join(out.split())
    assert "the archive restores exactly what this rule makes of the checkpoint" in told
    assert "rule: int((1 - density) n) weights of each tensor are dropped" in told
    assert "not known: the file does not record its conv_type: if that is SampleSubnetConv" in told
    assert "project's own forward" not in told
    warnings = [line for line in err.splitlines() if line.startswith("warning: ")]
    assert any("matched by order: 1 of 1 names differ" in line for line in warnings)
    assert any("scores tie at the border" in line for line in warnings)
    assert max(map(len, out.splitlines())) <= 80
    code, out, _ = call(*arguments, "--json")
    record = json.loads(out)
    assert (len(record["warnings"]), len(record["unknown"])) == (2, 1)
    assert record["rule"].startswith("int((1 - density) n)")


def test_the_command_reads_standard_input(tmp_path, call, monkeypatch):
    (tmp_path / "net.py").write_text(MODEL)
    state = {"0.weight": torch.randn(4, 3, 3, 3), "0.scores": torch.randn(4, 3, 3, 3)}
    save(tmp_path / "c.pt", state)
    arguments = ("--from", "pemn", "--model", "net.py", "--density", "0.5")

    def pipe():
        stream = io.BytesIO((tmp_path / "c.pt").read_bytes())
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stream))

    pipe()
    assert call("import", "-", *arguments, "-o", "piped.pemn")[0] == 0
    assert call("import", "c.pt", *arguments)[0] == 0
    assert (
        pemn_compress.inspect("piped.pemn")["tensors"] == pemn_compress.inspect("c.pemn")["tensors"]
    )
    pipe()
    code, _, err = call("import", "-", *arguments)
    assert (code, err) == (
        2,
        "pemn: standard input: expected -o FILE, which says where the archive goes\n",
    )
