"""PemnModel: an archive and the model in it, in folders and repositories of the Hugging Face Hub.

By way of huggingface_hub's mixin, whose `save_pretrained` and `push_to_hub` are kept. Its
`from_pretrained` is not: it hands the values of a repository's config.json to the class, and what
a stranger wrote would then say whether a stranger's code is run.
"""

import hashlib
import os
import warnings
from collections.abc import Mapping
from inspect import Parameter, signature
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import nn

from pemn_compress.atomic import write_bytes
from pemn_compress.errors import (
    ModelError,
    OutputError,
    PemnWarning,
    SettingError,
    install,
    meant_or_all,
)
from pemn_compress.format.archive import Limits, open_archive
from pemn_compress.format.archive.layout import ANY_SIZE
from pemn_compress.format.archive.records import GRAPH, SOURCE
from pemn_compress.hub.card import card_body
from pemn_compress.hub.fetching import ARCHIVE, CARD, fetched
from pemn_compress.kinds import check_kind, check_truth, path_of
from pemn_compress.masking.copying import copied
from pemn_compress.masking.host import PlannedModel
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.printable import printable
from pemn_compress.reporting.runs.records import read_record, run_of
from pemn_compress.reporting.runs.run import Run
from pemn_compress.storing.filling import holds_already, unwrapped
from pemn_compress.storing.loading import restore_module, warn_of_trained
from pemn_compress.storing.saving import save

try:
    from huggingface_hub import ModelCard, ModelCardData, ModelHubMixin
except ImportError as error:
    raise SettingError(f"PemnModel needs the hub extra: {install('hub')} ({error})") from None

LIBRARY = "pemn-compress"
TAGS = ["model-compression", "pemn"]
# what other libraries' from_pretrained take
_PLACING = ("device", "device_map", "map_location", "dtype", "torch_dtype")


class PemnModel(nn.Module, ModelHubMixin, library_name=LIBRARY, tags=TAGS):
    """An archive, and the plain model that it holds, to be shared.

    Args:
        archive: a path, or an archive's bytes, such as those that `compress` returns.
        record: the record of the run it comes from, as a path or a mapping, for the card.
        model: as `pemn_compress.load` takes it, and the two below: by default nothing of the
            archive is run, and the model is a registered architecture, or the archive's graph.
        trust_source: whether the model file inside may be run.
        limits: what a reader allows.

    Calling it calls the model, which is `.model`, in evaluation mode; `.archive` are the bytes, and
    the only truth that is ever written: nothing is saved of a model that was changed since.

    Raises ArchiveError and ModelError as `load` does, PemnError for a record that makes no sense or
    is that of another archive.
    """

    _hub_mixin_config: dict[str, Any] = {"archive": ARCHIVE}  # noqa: RUF012  # the mixin's own

    def __init__(
        self,
        archive: str | Path | bytes,
        *,
        record: str | Path | Mapping[str, Any] | None = None,
        model: nn.Module | None = None,
        trust_source: bool = False,
        limits: Limits | None = None,
    ) -> None:
        super().__init__()
        self._limits = limits
        with open_archive(archive, limits) as opened:
            self.archive = archive if isinstance(archive, bytes) else opened.content()
            self._run = None if record is None else _run(record, self.archive)
            if model is not None:
                model = unwrapped(model)
                warn_of_trained(model, opened)
            self.model = restore_module(opened, model=model, trust_source=trust_source)
        self.eval()

    @classmethod
    def from_model(
        cls,
        trained: nn.Module,
        *,
        model: nn.Module | None = None,
        trust_source: bool = False,
        **options: Any,
    ) -> "PemnModel":
        """Return what `save` makes of a MaskedModel, a PrunedModel or a plain model.

        A plain one is stored as it is, without masks. `options` are those of `save`: `inputs=`
        stores the graph, so that others need no code of yours. Without it, where no registered
        name builds the model, `model` is one built anew, to fill. Raises what `save` and `load`
        raise.
        """
        check_kind("from_model", trained, nn.Module, "a torch.nn.Module")
        if not any(isinstance(module, PlannedModel) for module in trained.modules()):
            trained = PrunedModel(copied(unwrapped(trained), {}), strategy="dense")
        with TemporaryDirectory() as folder:
            path = save(trained, Path(folder) / ARCHIVE, **options)  # type: ignore[arg-type]
            packed = path.read_bytes()
        if model is None and not _builds_itself(packed, trust_source=trust_source):
            raise ModelError(
                "from_model: nothing would tell whoever opens it how the model is built: expected "
                "inputs=, an example of what its forward takes, from which the graph is made; or "
                "model=, one built anew, to fill"
            )
        return cls(packed, model=model, trust_source=trust_source)

    @classmethod
    def from_pretrained(  # none of a config's values
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        force_download: bool = False,
        local_files_only: bool = False,
        model: nn.Module | None = None,
        trust_source: bool = False,
        limits: Limits | None = None,
        **unknown: Any,
    ) -> "PemnModel":
        """Open the archive of a folder, or of a repository at a `revision` (branch, tag, commit).

        Read is `model.pemn`, and nothing else. Raises ModelError where there is none, or no such
        folder or repository, SettingError for other keywords, and what the class raises.
        """
        for name in unknown:
            raise SettingError(f"from_pretrained: unknown setting {name!r}{_meant(cls, name)}")
        path = fetched(
            pretrained_model_name_or_path,
            revision=revision,
            token=token,
            cache_dir=cache_dir,
            force_download=force_download,
            local_files_only=local_files_only,
        )
        return cls(path, model=model, trust_source=trust_source, limits=limits)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the model makes of its inputs."""
        return self.model(*args, **kwargs)

    def save_pretrained(self, save_directory: str | Path, **kwargs: Any) -> str | None:
        """Write model.pemn, config.json (which file is the archive) and README.md, the card.

        As `ModelHubMixin.save_pretrained`, with its keywords: files that are there are replaced,
        but for a README.md, which may be somebody's own; a PemnWarning tells where it is another
        than would be written. `model_card_kwargs` are those of `generate_model_card`. The same
        archive comes to the same bytes. Raises ModelError for a model that was changed, OutputError
        for a folder that cannot be written.
        """
        folder, push = path_of("save_directory", save_directory), kwargs.pop("push_to_hub", False)
        check_truth(push_to_hub=push)
        if os.path.exists(folder) and not folder.is_dir():  # which takes names of any length
            raise OutputError(f"{folder}: expected a folder to write into, got a file")
        self._check_unchanged()
        card = dict(kwargs.get("model_card_kwargs") or {})
        text = str(self.generate_model_card(**card))
        try:
            super().save_pretrained(folder, **_of_saving(kwargs))
            kept = (folder / CARD).read_text("utf-8", "replace") != text
        except OSError as error:
            raise OutputError(f"{folder}: cannot be written: {error.strerror or error}") from None
        if kept:
            warnings.warn(
                f"{folder / CARD}: is there, and was left as it is: it may tell of another archive",
                PemnWarning,
                stacklevel=2,
            )
        if not push:
            return None
        repo_id = kwargs.pop("repo_id", None) or folder.name
        return self.push_to_hub(repo_id, **kwargs)

    def push_to_hub(self, repo_id: str, **kwargs: Any) -> str:
        """Upload what `save_pretrained` writes, in one commit, and return the commit's address.

        As `ModelHubMixin.push_to_hub`, with its keywords (`private`, `branch`, `token`, ...); what
        the hub refuses is its own error.
        """
        self._check_unchanged()
        card = {"repo_id": repo_id} | dict(kwargs.pop("model_card_kwargs", None) or {})
        return str(super().push_to_hub(repo_id, model_card_kwargs=card, **kwargs))

    def generate_model_card(
        self, *, repo_id: str | None = None, license: str | None = None, tags: tuple[str, ...] = ()
    ) -> ModelCard:
        """Return the card: the archive's account and settings, its run's record, how to load it.

        `license` and further `tags` are yours to give: without a `license` the card names none.
        """
        of_class = self._hub_mixin_info.model_card_data.to_dict()  # type: ignore[no-untyped-call]
        told = of_class | ({"license": printable(license)} if license else {})
        told["tags"] = sorted({*of_class.get("tags", ()), *map(printable, tags)})
        with open_archive(self.archive, self._limits, name=ARCHIVE) as archive:
            body = card_body(archive, self._run, repo_id)
        return ModelCard(f"---\n{ModelCardData(**told).to_yaml()}\n---\n\n{body}")

    def _save_pretrained(self, save_directory: Path) -> None:
        write_bytes(save_directory / ARCHIVE, self.archive, force=True)

    def _check_unchanged(self) -> None:
        with open_archive(self.archive, self._limits) as archive:
            if not holds_already(self.model, archive):
                raise ModelError(
                    "PemnModel: the model was changed since its archive was opened, and what would "
                    "be written is the archive: expected the tensors of it; store what you have "
                    "with PemnModel.from_model(...)"
                )


def _meant(cls: type[PemnModel], name: str) -> str:
    """Return what to do instead of passing a keyword that from_pretrained has not got."""
    if name in _PLACING:
        return "; the model comes as it is stored, on the CPU: call .to(...) on it"
    known = [
        parameter.name
        for parameter in signature(cls.from_pretrained).parameters.values()
        if parameter.kind is Parameter.KEYWORD_ONLY
    ]
    return meant_or_all(name, known)


def _builds_itself(packed: bytes, *, trust_source: bool) -> bool:
    """Tell whether a model can be made of an archive alone."""
    with open_archive(packed, ANY_SIZE) as archive:
        sections, kind = archive.section_offsets, archive.manifest.architecture.get("kind")
    return kind == "registered" or GRAPH in sections or (trust_source and SOURCE in sections)


def _run(record: str | Path | Mapping[str, Any], archive: bytes) -> Run:
    told = run_of("record", record) if isinstance(record, Mapping) else read_record(str(record))
    digest = hashlib.sha256(archive).hexdigest()
    if told.sha256 != digest:
        raise SettingError(
            f"{told.file}: is the record of another archive: expected SHA-256 {digest}, got "
            f"{told.sha256}"
        )
    return told


def _of_saving(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {key: kwargs[key] for key in ("config", "model_card_kwargs") if key in kwargs}
