"""The page of the settings that are in force."""
