"""Every word said to a model, one file a prompt."""

from .prompt import Prompt, PromptError, cap, fence, parse, write
from .prompt_set import PromptSet, built_in, language_of, load

__all__ = ["Prompt", "PromptError", "PromptSet", "built_in", "cap", "fence", "language_of", "load", "parse", "write"]
