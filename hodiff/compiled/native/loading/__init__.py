"""LLVM text as machine code in this process: the processor, modules, the cache on disk, threads."""
