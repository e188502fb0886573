"""Keep the files of a folder encrypted in E3DB, and bring each back into another folder.

Each file of the folder `source` is encrypted on the worker and uploaded as a record of the type `record_type`; then each is downloaded
and decrypted into the folder `destination`, under its name. A task that is tried again uploads nothing twice; another run uploads all files
anew. Take the half that you need: the first tasks for an archive, the last ones to get something back.

Connection: `e3db_default`. Parameters: `source` and `destination`, folders on the worker or addresses such as ``s3://conn@bucket/folder``,
and `record_type`. The names of the files stay clear, for the server and for Airflow.
"""

from airflow.sdk import Param, dag, get_current_context, task

from e3db_connectors.airflow.operators.files import E3DBDownloadFileOperator, E3DBUploadFileOperator


@dag(
    schedule=None,
    params={
        "source": Param(type="string"),
        "destination": Param(type="string"),
        "record_type": Param("file", type="string"),
    },
    tags=["e3db"],
)
def encrypted_files() -> None:
    """Upload, then download."""

    @task
    def files() -> list[dict[str, object]]:
        from e3db_connectors.airflow.storage import path_of

        folder = path_of(get_current_context()["params"]["source"])
        return [{"source": str(file), "plain": {"name": file.name}} for file in sorted(folder.iterdir(), key=str) if file.is_file()]

    @task
    def targets(uploaded: list[dict[str, str]], found: list[dict[str, dict[str, str]]]) -> list[dict[str, str]]:
        folder = get_current_context()["params"]["destination"]
        return [
            {"record_id": each["record_id"], "destination": f"{folder}/{file['plain']['name']}"}
            for each, file in zip(uploaded, found, strict=True)
        ]

    found = files()
    upload = E3DBUploadFileOperator.partial(task_id="upload", record_type="{{ params.record_type }}").expand_kwargs(found)
    E3DBDownloadFileOperator.partial(task_id="download").expand_kwargs(targets(upload.output, found))


encrypted_files()
