"""The benchmark: seeded logs, cdnlog and its peers on them as whole processes in turn, the bars they stand against."""
