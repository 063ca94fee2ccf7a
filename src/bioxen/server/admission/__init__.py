"""What a job will take, said before it starts: seconds and memory, from its size and from what was seen."""
