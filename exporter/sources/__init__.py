"""Where the exporter reads from: the only modules of the pipeline that do I/O."""
