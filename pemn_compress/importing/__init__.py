"""From a checkpoint of the papers' own projects to an archive, with the mask their code uses."""

from pemn_compress.importing.importer import Imported, ImportedTensor, import_checkpoint
from pemn_compress.importing.meaning import BUDGETS
from pemn_compress.importing.projects import PROJECTS

__all__ = ["BUDGETS", "PROJECTS", "Imported", "ImportedTensor", "import_checkpoint"]
