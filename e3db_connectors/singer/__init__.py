"""Singer tap and target: thin hands on the sync engine; the only room that imports singer_sdk."""
