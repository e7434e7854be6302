"""The recipes by name."""

from nstyle.reproduction.du import DU
from nstyle.reproduction.early import EARLY
from nstyle.reproduction.gatys import GATYS
from nstyle.reproduction.inversion import INVERSION
from nstyle.reproduction.kang import KANG
from nstyle.reproduction.nikulina import NIKULINA
from nstyle.reproduction.recipe import Recipe

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (INVERSION, NIKULINA, KANG, EARLY, DU, GATYS)}
"""Every recipe that ``nstyle reproduce`` knows."""
