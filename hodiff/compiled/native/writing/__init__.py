"""Plans as LLVM text: elements, nests of loops, regions, loops and branches of programs, kernels."""
