"""Programs for people who run or change Reprotech."""
