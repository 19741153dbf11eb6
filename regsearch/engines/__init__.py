"""Where trials run: in this process, in worker processes on devices, on a cluster."""
