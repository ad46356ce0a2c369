"""Every word said to a model, one file a prompt."""

from .prompt import Prompt, PromptError, cap, fence, load, names, of_role

__all__ = ["Prompt", "PromptError", "cap", "fence", "load", "names", "of_role"]
