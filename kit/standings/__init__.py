"""The local leaderboard: the history of runs, and how they rank."""
