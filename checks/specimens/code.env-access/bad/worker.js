const broker = process.env.BROKER;
