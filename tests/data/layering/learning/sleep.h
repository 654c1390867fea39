struct Sleep {};
