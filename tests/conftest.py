"""What holds for all tests: hypothesis measures no time, because the machine may be busy."""

from hypothesis import settings

settings.register_profile("coevo", deadline=None)
settings.load_profile("coevo")
