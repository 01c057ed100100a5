"""Mutations that change nothing anybody could observe, each with the reason. Keys are those of mutations.Mutation."""

SURVIVORS: dict[str, str] = {}
