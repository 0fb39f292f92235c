// Runs one class of JUnit tests and tells each outcome in a line: "@@ passed CLASS.METHOD", "failed", "left-out" (by an
// assumption of the test itself, or ignored). Failures are followed by their stack trace.
// Usage: java -cp CLASSPATH RunClass.java CLASS

import java.util.HashSet;
import java.util.Set;
import org.junit.runner.Description;
import org.junit.runner.JUnitCore;
import org.junit.runner.notification.Failure;
import org.junit.runner.notification.RunListener;

public class RunClass extends RunListener {
  private final String name;
  private final Set<Description> told = new HashSet<>();

  private RunClass(String name) {
    this.name = name.substring(name.lastIndexOf('.') + 1);
  }

  public static void main(String[] words) throws Exception {
    JUnitCore core = new JUnitCore();
    core.addListener(new RunClass(words[0]));
    core.run(Class.forName(words[0]));
    System.out.println("\n@@ ended");
    System.exit(0);  // threads of the driver may go on
  }

  private synchronized void tell(String outcome, Description description) {
    told.add(description);
    String method = description.getMethodName();
    // Without the parameters of a parameterized test, which may hold anything.
    String test = method == null ? "initialization" : method.replaceAll("(?s)\\[.*", "");
    System.out.println("\n@@ " + outcome + " " + name + "." + test);
  }

  @Override
  public void testFinished(Description description) {
    if (!told.contains(description)) tell("passed", description);
  }

  @Override
  public void testFailure(Failure failure) {
    tell("failed", failure.getDescription());
    System.out.println(failure.getTrace());
  }

  @Override
  public void testAssumptionFailure(Failure failure) {
    tell("left-out", failure.getDescription());
  }

  @Override
  public void testIgnored(Description description) {
    tell("left-out", description);
  }
}
