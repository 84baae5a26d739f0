export const broker = process.env.BROKER;
