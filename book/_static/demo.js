// Starts the demos of a page: each one when it comes near the window, from the text that stands beside it.
(() => {
  // What a demo knows of a notebook's model, kept in the page: traits with listeners.
  const modelOf = (state) => {
    const listeners = new Map();
    const tell = (event, value) => (listeners.get(event) ?? []).forEach((listen) => listen(value));
    return {
      get: (name) => state[name],
      set(name, value) {
        const settings = typeof name === "object" ? name : { [name]: value };
        for (const [key, setting] of Object.entries(settings)) {
          state[key] = setting;
          tell(`change:${key}`, setting);
        }
        tell("change", settings);
      },
      on: (event, listen) => void listeners.set(event, [...(listeners.get(event) ?? []), listen]),
      off(event, listen) {
        listeners.set(event, (listeners.get(event) ?? []).filter((other) => listen && other !== listen));
      },
      save_changes() {},
      send() {},
    };
  };

  const start = async (stage) => {
    const text = stage.querySelector('script[type="text/plain"]').textContent;
    const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    const live = document.createElement("div");
    live.className = "demo-live";
    try {
      const { default: demo } = await import(address);
      const model = modelOf(JSON.parse(stage.dataset.state));
      stage.append(live);
      await demo.initialize?.({ model });
      await demo.render({ model, el: live });
      stage.classList.add("demo-started");
    } catch (error) {
      live.remove();
      console.error(`demo ${stage.dataset.demo} did not start`, error);
      stage.querySelector(".demo-note").textContent = `This demo did not start: ${error.message}`;
    } finally {
      URL.revokeObjectURL(address);
    }
  };

  const stages = document.querySelectorAll(".demo-stage");
  if (!("IntersectionObserver" in window)) return stages.forEach(start);
  const watch = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watch.unobserve(target);
      start(target);
    }
  }, { rootMargin: "600px 0px" });
  stages.forEach((stage) => watch.observe(stage));
})();
