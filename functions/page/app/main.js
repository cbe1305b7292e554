/** The page: what happens when it is opened. */

const texts = await import("./texts/en.json");

const hello = document.getElementById("hello");
if (hello) hello.textContent = texts.hello;
