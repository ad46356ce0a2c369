"""Reading a run: tables, stories and the report; nothing here writes into the run but the report itself."""
