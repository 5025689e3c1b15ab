"""What is played: recipes, mazes, their words and their rules, and `GameTable`, the graph they all become."""
