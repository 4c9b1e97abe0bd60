"""Off-the-shelf models in, adapted models out.

``load_model`` reads a model in any of the forms of :mod:`napari_osuda.models.forms` and gives its network
and its card; ``save_model`` writes the adapted network as a bioimage.io package; ``inspect_model`` says
what is in it.
"""

from napari_osuda.models.answers import SavedAnswers
from napari_osuda.models.card import Architecture, ModelCard
from napari_osuda.models.classes import decide
from napari_osuda.models.inspection import Inspection, check_adaptable, inspect_model
from napari_osuda.models.loading import SourceModel, load_model, open_questions
from napari_osuda.models.questions import Question
from napari_osuda.models.saving import save_as_it_came, save_model, write_model_folder

__all__ = [
    "Architecture",
    "Inspection",
    "ModelCard",
    "Question",
    "SavedAnswers",
    "SourceModel",
    "check_adaptable",
    "decide",
    "inspect_model",
    "load_model",
    "open_questions",
    "save_as_it_came",
    "save_model",
    "write_model_folder",
]
