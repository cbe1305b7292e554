/** Parts of the files in texts/, which the build takes apart. */
declare module "*.json?first+welcome" {
  const texts: import("./types.js").Texts;
  export default texts;
}
declare module "*.json?first+work+jobs" {
  const texts: import("./types.js").Texts;
  export default texts;
}
declare module "*.json?welcome+sending+later" {
  const texts: import("./types.js").Texts;
  export default texts;
}
declare module "*.css?address" {
  const address: string;
  export default address;
}
