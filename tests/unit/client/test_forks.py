"""After a fork the child has connections and locks of its own."""

import subprocess
import sys
import textwrap

SCRIPT = textwrap.dedent(
    """
    import os, sys, threading, time, warnings
    warnings.simplefilter("ignore", DeprecationWarning)  # forking while threads run is what is tried here
    from e3db_connectors import Client, Config
    from e3db_connectors.client.profiles import read_values

    client = Client(Config.from_mapping(read_values(__import__("pathlib").Path(sys.argv[1]))))
    record_id = client.write("t", {"a": "1"}).meta.record_id
    stopped = threading.Event()

    def work():
        while not stopped.is_set():
            assert client.read(record_id).data == {"a": "1"}

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    children = []
    for _ in range(4):
        time.sleep(0.05)
        child = os.fork()
        if child == 0:
            try:
                for _ in range(20):
                    assert client.read(record_id).data == {"a": "1"}
                client.write("child", {"n": str(os.getpid())})
                os._exit(0)
            except BaseException as exc:
                print(repr(exc), file=sys.stderr)
                os._exit(1)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    stopped.set()
    for thread in threads:
        thread.join()
    written = len(list(client.query_all(record_type="child")))
    client.close()
    print(codes, written)
    """
)


def test_children_of_a_busy_client_work_on_their_own(credentials_file):
    """Eight threads of the parent hold connections and locks while four children are made, each of which makes 21 calls."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(credentials_file)], capture_output=True, text=True, timeout=100, check=False)
    assert done.stdout.strip() == "[0, 0, 0, 0] 4", done.stderr
