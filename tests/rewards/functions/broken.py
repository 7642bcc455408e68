import a_package_that_is_not_there  # noqa: F401 - the fault


def reward(completions, **columns):
    return [1.0] * len(completions)
