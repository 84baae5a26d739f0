import { broker } from "./config.js";

connect(broker);
