"""Judge jobs: environments, test runners and their results."""

from interlock.adapters.judge.pytest_judge import PytestJudge

__all__ = ["PytestJudge"]
