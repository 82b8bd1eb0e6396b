"""Paths that only a person lets change: what lands there runs later with that person's rights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["PROTECTED", "Protected"]


@dataclass(frozen=True, slots=True)
class Protected:
    """A gitignore-style glob and why it is protected, as the end of a sentence."""

    pattern: str
    why: str


def _group(why: str, patterns: str) -> tuple[Protected, ...]:
    return tuple(Protected(pattern, why) for pattern in patterns.split())


PROTECTED: Final = (
    *_group(
        "it is the workflow that decides what agents may do",
        "/agent_workflow.yaml /agent_workflow.yml /.orchestrator /.workflow_state.json "
        "/prd_state.json",
    ),
    *_group(
        "CI runs it with the project's secrets",
        "/.github/workflows /.github/actions /.gitlab-ci.yml /.gitlab-ci /.gitlab/ci /.circleci "
        "/Jenkinsfile /.travis.yml /azure-pipelines.yml /.azure-pipelines /bitbucket-pipelines.yml "
        "/.buildkite /.drone.yml /.woodpecker.yml /.woodpecker /appveyor.yml /.appveyor.yml "
        "/.cirrus.yml /.tekton /.teamcity /.forgejo/workflows /.gitea/workflows",
    ),
    *_group("it decides who must review a change", "CODEOWNERS /.github/settings.yml"),
    *_group(
        "git runs it, or lets it decide what is checked out, on the machines of others",
        ".gitmodules .gitattributes .gitconfig .lfsconfig .husky .githooks "
        "/.pre-commit-config.yaml /.pre-commit-hooks.yaml /lefthook.yml /lefthook.yaml "
        "/.lefthook.yml /.lefthook /.lintstagedrc*",
    ),
    *_group(
        "a shell runs it when a person enters the folder",
        ".envrc .direnv mise.toml .mise.toml .mise .config/mise .autoenv .env.fish",
    ),
    *_group(
        "a package manager, debugger or compiler runs programs or sends credentials by it",
        ".npmrc .yarnrc .yarnrc.yml .pnpmfile.cjs .pypirc .cargo/config .cargo/config.toml "
        ".gdbinit .lldbinit",
    ),
    *_group(
        "an editor runs tasks and tools from it when the folder is opened",
        ".vscode .idea .zed .fleet .nvim .nvimrc .nvim.lua .exrc .vimrc .dir-locals.el "
        ".dir-locals-2.el *.code-workspace *.sublime-project .devcontainer .devcontainer.json",
    ),
    *_group(
        "agent programs take instructions, tools or hooks from it",
        ".claude .claude.json .cursor .cursorrules .cursorignore .codex .gemini .geminiignore "
        ".opencode opencode.json opencode.jsonc .qwen .copilot .github/copilot-instructions.md "
        ".github/instructions .github/prompts .github/agents .github/hooks .windsurf "
        ".windsurfrules .clinerules .roo .roomodes .continue .aider.conf.yml "
        ".amazonq .kiro .junie .goosehints .agents AGENTS.md AGENTS.override.md CLAUDE.md "
        "CLAUDE.local.md GEMINI.md QWEN.md .mcp.json mcp.json",
    ),
)
"""The default list, in every workflow; a workflow's ``protected_paths`` add to it."""
