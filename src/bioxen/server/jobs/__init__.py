"""Work that outlives its connection and its server: accepted durably, shared out fairly, resumed after a crash."""
