"""`mlops compose-env`: the secrets of docker/compose.yaml."""

from cli.console import command, console
from pipeline.settings import load_settings


@command
def compose_env() -> None:
    """Make the passwords and keys that docker/compose.yaml asks for and that are not there. Existing ones stay."""
    from cli.compose import write_env

    path, made = write_env(load_settings().project_dir)
    console.print(
        f"wrote {len(made)} values to {path}, for its owner only; AIRFLOW_ADMIN_PASSWORD is that of user admin"
    )
