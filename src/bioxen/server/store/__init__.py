"""What outlives the process: cells, jobs, shards, results, owners. SQLite by default, PostgreSQL by URL."""
