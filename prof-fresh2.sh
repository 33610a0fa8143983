for n in devp2p libp2p; do node prof-fresh.mjs $n 4 | awk '{print $1,$2,"first",$4,$5,$6,"...",$20,$25,$30,$33}'; done
