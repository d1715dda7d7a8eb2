"""A layout held against one that was there before: what is the same in both, and what of it may stay."""

from .changes import Before as Before
from .changes import sights as sights
from .comparable import comparable as comparable
from .matching import renamed as renamed
from .matching import same_controllers as same_controllers
from .paths import Path as Path
from .paths import Step as Step
from .paths import paths_of as paths_of
from .standing import Standing as Standing
from .standing import standing_of as standing_of
