// Before the first paint: the theme and the language that were chosen last time. No module, so that it runs at once.
(() => {
  const root = document.documentElement;
  const theme = localStorage.getItem("ltx-mock.theme");
  const language = localStorage.getItem("ltx-mock.language") ?? navigator.language;
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  root.lang = language.toLowerCase().startsWith("zh") ? "zh" : "en";
})();
