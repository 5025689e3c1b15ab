"""Settings of the whole test run, made before any library reads them."""

import os
import tempfile

# Nothing here may depend on what a hub answers, or wait for it.
os.environ["HF_HUB_OFFLINE"] = "1"
# Tests may share the machine, and torch's threads are slow where they have to wait for each other.
os.environ["OMP_NUM_THREADS"] = "1"
# Games that tests save are nobody's.
os.environ["TEXTMAZE_SAVES"] = tempfile.mkdtemp(prefix="textmaze-saves-")
