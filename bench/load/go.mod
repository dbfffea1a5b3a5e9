module podium/bench/load

go 1.19
