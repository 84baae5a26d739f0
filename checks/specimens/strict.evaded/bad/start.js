spawn("brain", { env: { ...variables, SOMABRAIN_STRICT_REAL: "0" } });
