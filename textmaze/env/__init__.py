"""How games are played: Gymnasium environments, and the one episode loop."""
