"""One module an engine. Each imports its engine, none is imported by the rest of liveref or by another."""
