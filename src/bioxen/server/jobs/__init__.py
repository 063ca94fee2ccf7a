"""Work that outlives its connection and its server: kept, shared out fairly, resumed after a crash."""
