"""What all tests share."""

from hypothesis import settings

# A busy machine is slow, not wrong: a law may take the time it needs.
settings.register_profile("poml_map", deadline=None)
settings.load_profile("poml_map")
