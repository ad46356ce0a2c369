r"""Every error coevo raises on purpose.

CoevoError                    shown to the user as one sentence, exit code 2; anything else is a bug and crashes loudly
├── InputError (ValueError)   a source, a config or a run folder is not what was wanted
├── LedgerError (RuntimeError)  what lies on disk contradicts itself
├── AgentError (RuntimeError)   a model did not answer usefully; becomes a decision with `action=none`
│   ├── ServerError             a model server gave no answer at all
│   └── SpendingError           the provider refuses to serve for money (401, 402, 403): calling stops at once
├── TrainingError (RuntimeError)
└── EvalError (RuntimeError)
"""


class CoevoError(Exception):
    """Something a person can act on: says what was wanted, what was got and what to type next."""


class InputError(CoevoError, ValueError):
    """A source, a config value or a run folder is not what was wanted."""


class LedgerError(CoevoError, RuntimeError):
    """What lies on disk contradicts itself: a part is missing, cut short or altered."""


class AgentError(CoevoError, RuntimeError):
    """A model could not be reached or did not answer in the wanted form."""


class ServerError(AgentError):
    """A model server could not be reached, refused the request or failed: no model said anything."""


class SpendingError(AgentError):
    """The provider refuses for credentials or money (401, 402, 403); no further call can succeed."""


class TrainingError(CoevoError, RuntimeError):
    """A run could not be trained: too little data, a diverged loss, an unreadable base."""


class EvalError(CoevoError, RuntimeError):
    """A benchmark could not be built or measured."""
