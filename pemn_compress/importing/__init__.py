"""From a checkpoint of the papers' own projects to an archive, with the mask their code uses."""

from pemn_compress.importing.checked import ImportedTensor
from pemn_compress.importing.importer import Imported, import_checkpoint
from pemn_compress.importing.projects import PROJECTS
from pemn_compress.importing.settled import BUDGETS

__all__ = ["BUDGETS", "PROJECTS", "Imported", "ImportedTensor", "import_checkpoint"]
