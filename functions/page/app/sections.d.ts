/** Sections of the files in texts/, which the build takes apart. */
declare module "*.json?first" {
  const texts: import("./types.js").Texts;
  export default texts;
}
declare module "*.css?address" {
  const address: string;
  export default address;
}
declare module "*.json?later" {
  const texts: import("./types.js").Texts;
  export default texts;
}
